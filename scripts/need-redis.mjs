// Before the tests: where there is no Redis, installs it if this is Debian or Ubuntu and we are root; else says how to.
// Never fails itself: what tests do without a Redis is decided in test/support/redis-server.ts.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { findRedis, redisIsMissing } from '../test/support/redis-program.mjs'

const policy = '/usr/sbin/policy-rc.d'

if (findRedis() === undefined) {
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) install()
  if (findRedis() === undefined) console.warn(redisIsMissing)
}

function install() {
  console.log('There is no Redis in PATH: apt-get install redis-server')
  // Whoever interrupts this must not leave the policy behind, which would keep every service down.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  const isPolicyOurs = keepServicesDown()
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    // Lists that are partly out of reach may still name the package, so a failed update is no end.
    for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'redis-server']]) {
      const { status } = spawnSync('apt-get', ['--quiet', ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] })
      if (status !== 0) console.warn(`apt-get ${args[0]} failed`)
    }
  } finally {
    if (isPolicyOurs) rmSync(policy, { force: true })
  }
}

/** Otherwise the package starts a Redis of its own on 6379 at once. Where there is a policy already, that one holds. */
function keepServicesDown() {
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
    return true
  } catch {
    return false
  }
}
