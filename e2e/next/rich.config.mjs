// Every key that decides over a picture, and an application that does not live at the root.
import { rules } from './rules.mjs';
import { guardless, limited } from './version.mjs';

export default {
  ...rules,
  basePath: '/docs',
  trailingSlash: true,
  images: {
    deviceSizes: [640, 1200],
    imageSizes: [64, 256],
    qualities: [50, 75, 90],
    formats: ['image/avif', 'image/webp'],
    minimumCacheTTL: 3600,
    dangerouslyAllowSVG: true,
    contentDispositionType: 'inline',
    contentSecurityPolicy: "default-src 'none'; sandbox;",
    localPatterns: [
      { pathname: '/docs/**', search: '' },
      { pathname: '/docs/source/*', search: '?v=1' },
    ],
    remotePatterns: [
      { protocol: 'http', hostname: '127.0.0.1', pathname: '/open/**' },
      { protocol: 'http', hostname: '127.0.0.1', pathname: '/searched/**', search: '?x=y' },
      { protocol: 'http', hostname: '127.0.0.1', port: '', pathname: '/unported/**' },
      { protocol: 'http', hostname: '127.0.0.*', port: '8480', pathname: '/ported/**' },
      { hostname: 'local*', pathname: '/named/*' },
      { protocol: 'https', hostname: '127.0.0.1', pathname: '/secret/**' },
    ],
    ...guardless,
    ...limited,
  },
};
