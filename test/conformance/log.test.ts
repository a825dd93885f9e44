import { describe } from 'vitest';
import { logConformance } from './log.ts';
import { openMemoryStore, openRedisStore, useRedis } from './stores.ts';

const openRedis = openRedisStore(useRedis());

describe('the log in memory', () => logConformance(openMemoryStore));
describe('the log in Redis', () => logConformance(openRedis));
