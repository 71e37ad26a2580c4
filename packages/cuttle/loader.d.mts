export interface ImageOptions { src: string; width: number; quality?: number }
export interface SrcSetOptions { src: string; widths: readonly number[]; quality?: number }
export declare function imageUrl(options: ImageOptions): string;
export declare function imageSrcSet(options: SrcSetOptions): string;
export default imageUrl;
