// The loader for next/image: URLs of Cuttle's strict endpoint.
// Never throws: a bad source is a broken image, not a broken page.
function imageUrl({ src, width, quality }) {
  const text = String(src ?? '');
  let encoded;
  try {
    encoded = encodeURIComponent(text);
  } catch {
    // A lone surrogate cannot be encoded; the server refuses what is left.
    encoded = encodeURIComponent(text.replace(/[^\x00-\x7f]/g, '\ufffd'));
  }
  return `/_cuttle/image?src=${encoded}&w=${width}${quality ? `&q=${quality}` : ''}`;
}

function imageSrcSet({ src, widths, quality }) {
  return widths.map((width) => `${imageUrl({ src, width, quality })} ${width}w`).join(', ');
}

module.exports = imageUrl;
module.exports.default = imageUrl;
module.exports.imageUrl = imageUrl;
module.exports.imageSrcSet = imageSrcSet;
