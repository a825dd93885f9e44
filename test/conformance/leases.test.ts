import { describe } from 'vitest';
import { leasesConformance } from './leases.ts';
import { openMemoryStore, openRedisStore, useRedis } from './stores.ts';

const openRedis = openRedisStore(useRedis());

describe('the leases in memory', () => leasesConformance(openMemoryStore));
describe('the leases in Redis', () => leasesConformance(openRedis));
