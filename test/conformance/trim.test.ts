import { describe } from 'vitest';
import { openMemoryStore, openRedisStore, useRedis } from './stores.ts';
import { trimConformance } from './trim.ts';

const openRedis = openRedisStore(useRedis());

describe('trimming the log in memory', () => trimConformance(openMemoryStore));
describe('trimming the log in Redis', () => trimConformance(openRedis));
