import { describe } from 'vitest';
import { openMemoryStore, openRedisStore, useRedis } from '../stores.ts';
import { storesAgree } from './agreement.ts';
import { groupScripts } from './group-reads.ts';
import { leaseScripts } from './leases.ts';
import { logScripts } from './logs.ts';
import { saveScripts } from './saves.ts';

const openRedis = openRedisStore(useRedis());

describe('the logs agree', () => storesAgree(logScripts, openMemoryStore, openRedis));
describe('the leases agree', () => storesAgree(leaseScripts, openMemoryStore, openRedis));
describe('what is kept beside the logs agrees', () =>
  storesAgree(saveScripts, openMemoryStore, openRedis));
describe('the consumer groups agree', () => storesAgree(groupScripts, openMemoryStore, openRedis));
