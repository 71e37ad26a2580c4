import Image from 'next/image';
import hero from '../imported/hero.jpg';
import badge from '../imported/badge.png';

export default function Page() {
  return (
    <main>
      <Image src={hero} alt="" placeholder="blur" />
      <Image src={badge} alt="" />
    </main>
  );
}
