// The same withCuttle for configurations that are ES modules.
import config from './config.cjs';

export const { withCuttle } = config;
