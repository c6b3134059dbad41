// Before the tests: the servers that they need and that are not there are installed, if this is Debian or Ubuntu and we are root; else it says how to.
// Never fails itself: what tests do without a server is decided in test/support/redis-server.ts and rabbitmq-server.ts.
import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { findRabbitMq, rabbitMqIsMissing } from '../test/support/rabbitmq-program.mjs'
import { findRedis, redisIsMissing } from '../test/support/redis-program.mjs'

const policy = '/usr/sbin/policy-rc.d'
const servers = [
  { name: 'redis-server', find: findRedis, isMissing: redisIsMissing },
  { name: 'rabbitmq-server', find: findRabbitMq, isMissing: rabbitMqIsMissing },
]
const missing = () => servers.filter(({ find }) => find() === undefined)

if (missing().length > 0) {
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) install(missing().map(({ name }) => name))
  for (const { isMissing } of missing()) console.warn(isMissing)
}

/** @param {readonly string[]} packages */
function install(packages) {
  console.log(`Not in PATH: apt-get install ${packages.join(' ')}`)
  // Whoever interrupts this must not leave the policy behind, which would keep every service down.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
  const isPolicyOurs = keepServicesDown()
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    // Lists that are partly out of reach may still name the packages, so a failed update is no end.
    for (const args of [['update'], ...packages.map((name) => ['install', '--yes', '--no-install-recommends', name])]) {
      const { status } = spawnSync('apt-get', ['--quiet', ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] })
      if (status !== 0) console.warn(`apt-get ${args[0]} failed`)
    }
  } finally {
    if (isPolicyOurs) rmSync(policy, { force: true })
  }
}

/** Otherwise a package starts a service of its own at once. Where there is a policy already, that one holds. */
function keepServicesDown() {
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' })
    return true
  } catch {
    return false
  }
}
