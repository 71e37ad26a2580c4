export default function loader({ src, width, quality }) {
  const q = quality ? `&q=${quality}` : '';
  return `/_cuttle/image?src=${encodeURIComponent(src)}&w=${width}${q}`;
}
