export interface CuttleOptions {
  /** The folder of the app; otherwise where Next was started. */
  dir?: string;
  deviceSizes?: number[];
  imageSizes?: number[];
  /** Hosts that may open the app in development. */
  allowedDevOrigins?: string[];
}
export declare function withCuttle<Config>(config?: Config, options?: CuttleOptions): Config;
