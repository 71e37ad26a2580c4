import Image from 'next/image';
import Link from 'next/link';
import hero from '../imported/hero.jpg';

export default function Home() {
  return (
    <main>
      <h1>Home</h1>
      <Image src={hero} alt="imported" priority />
      <Image src="/photo.jpg" alt="public" width={640} height={480} quality={60} loading="eager" />
      <Link href="/posts">Posts</Link>
    </main>
  );
}
