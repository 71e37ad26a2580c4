declare function imageUrl(options: imageUrl.ImageOptions): string;
declare namespace imageUrl {
  interface ImageOptions { src: string; width: number; quality?: number }
  interface SrcSetOptions { src: string; widths: readonly number[]; quality?: number }
  function imageSrcSet(options: SrcSetOptions): string;
  export { imageUrl, imageUrl as default };
}
export = imageUrl;
