// Its file is posts.html, beside the folder posts/ of those below it.
import Link from 'next/link';

export default function Posts() {
  return (
    <main>
      <h1>Posts</h1>
      <Link href="/posts/first">First</Link>
    </main>
  );
}
