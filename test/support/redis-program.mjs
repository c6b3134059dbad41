import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Redis, or Valkey, which speaks the same; undefined where PATH has neither. */
export function findRedis() {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return ['redis-server', 'valkey-server'].flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

export const redisIsMissing =
  'There is no redis-server or valkey-server in PATH, and the tests of Redis need one, version 7 or newer. ' +
  'Install it, for example: apt-get install redis-server, or brew install redis'
