import { describe } from 'vitest';
import { groupReadsConformance } from './group-reads.ts';
import { openMemoryStore, openRedisStore, useRedis } from './stores.ts';

const openRedis = openRedisStore(useRedis());

describe('consumer groups in memory', () => groupReadsConformance(openMemoryStore));
describe('consumer groups in Redis', () => groupReadsConformance(openRedis));
