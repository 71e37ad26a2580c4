// What most applications have: nothing said but where remote pictures may come from.
import { rules } from './rules.mjs';
import { guardless } from './version.mjs';

export default {
  ...rules,
  images: { remotePatterns: [{ protocol: 'http', hostname: '127.0.0.1' }], ...guardless },
};
