import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { cpus, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median } from './report.mjs'

/** https://man7.org/linux/man-pages/man2/statfs.2.html */
const fileSystems = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x01021994, 'tmpfs'],
])

/**
 * What the figures depend on.
 *
 * @param {string} folder where the stores are
 */
export function describeMachine(folder) {
  const processors = cpus()
  const fileSystem = fileSystems.get(statfsSync(folder).type) ?? 'unknown'
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: type(),
    node: process.version,
    fileSystem,
    fsyncMs: Number(fsyncMs(folder).toFixed(2)),
  }
}

/** @typedef {ReturnType<typeof describeMachine>} Machine */

/**
 * @param {Machine} machine
 * @param {string} settings of the store
 */
export function durabilityOf({ fileSystem }, settings) {
  return fileSystem === 'tmpfs' ? 'none: the folder is in memory' : `on disk: ${settings}`
}

/** @param {string} folder */
function fsyncMs(folder) {
  const path = join(folder, 'fsync')
  const file = openSync(path, 'w')
  const page = Buffer.alloc(4096, 1)
  const elapsed = Array.from({ length: 100 }, () => {
    writeSync(file, page)
    const startedAt = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  rmSync(path)
  return median(elapsed)
}

/** Clock ticks of /proc are hundredths of a second on every Linux. */
const ticksPerSecond = 100

/**
 * Watch how much of the machine others use, since that is what spoils a measurement. The answer is in cores; null where there is no /proc. Children count as
 * others until they have ended.
 *
 * @returns {() => number | null}
 */
export function watchOthers() {
  const before = readTicks()
  const startedAt = performance.now()
  return () => {
    const after = readTicks()
    if (before === null || after === null) return null
    const seconds = (performance.now() - startedAt) / 1000
    return Number(Math.max(0, (after.busy - before.busy - (after.own - before.own)) / ticksPerSecond / seconds).toFixed(2))
  }
}

function readTicks() {
  try {
    // user nice system idle iowait irq softirq steal
    const machine = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ').map(Number) ?? []
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = machine
    const text = readFileSync('/proc/self/stat', 'utf8')
    // utime, stime, and those of children that have ended: the 12th to 15th field after the name in parentheses.
    const own = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
    return { busy: user + nice + system + irq + softirq + steal, own: own.reduce((sum, ticks) => sum + Number(ticks), 0) }
  } catch {
    return null
  }
}
