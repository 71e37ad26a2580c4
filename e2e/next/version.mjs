// What only some versions know: an unknown key is an error in 16.
import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('next/package.json');
const major = Number(version.split('.')[0]);

// The scripted origin is on loopback, which 16 alone refuses.
export const guardless = major >= 16 ? { dangerouslyAllowLocalIP: true } : {};
export const limited = major >= 15 ? { maximumResponseBody: 1_000_000 } : {};
