// A page whose path is a plausible source: HTML where a picture was asked for.
export default function Gallery() {
  return <h1>Gallery</h1>;
}
