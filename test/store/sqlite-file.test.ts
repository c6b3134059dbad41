import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync, closeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openStore, sqliteStore } from '../../src/index.ts'
import { audit } from '../../src/store/audit.ts'
import { adjustStock, createProduct, reserve } from '../../src/store/conformance/kit.ts'
import { connect, disconnect } from '../../src/store/sqlite/connect.ts'
import { temporaryFile } from '../support/folder.ts'
import { openingRefusal } from '../support/opening.ts'

const child = fileURLToPath(new URL('./child.mjs', import.meta.url))
const pageBytes = 4_096

/** Run one job in another process, to its end; the lines it printed. */
function runChild(job: string, path: string): unknown[] {
  const { stdout, stderr } = spawnSync(process.execPath, [child, job, path], { encoding: 'utf8', timeout: 30_000 })
  if (stdout === '') throw new Error(stderr)
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

/** A file with a product and so many reservations of it, closed. */
async function filled(path: string, reservations: number): Promise<void> {
  const store = await sqliteStore({ path })
  await store.execute([createProduct('a', 1_000_000)])
  for (let made = 0; made < reservations; made += 500) {
    await store.execute(Array.from({ length: 500 }, () => reserve('ann', { a: 1 }, { metadata: { note: 'x'.repeat(200) } })))
  }
  await store.close()
}

function overwrite(path: string, at: number, length: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, at)
  closeSync(file)
}

const refusalOf = (path: string) => openingRefusal(sqliteStore({ path }))

describe('what is on disk', () => {
  it('is written ahead and synced at every commit, by one process', async () => {
    // These belong to a connection, so that only the very one can be asked.
    const database = await connect(await temporaryFile())
    const pragma = (name: string): unknown => Object.values(database.prepare(`pragma ${name}`).get() ?? {})[0]
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('locking_mode')).toBe('exclusive')
    disconnect(database)
  })

  it('is in the write-ahead log before a write is acknowledged', async () => {
    const path = await temporaryFile()
    const store = await sqliteStore({ path })
    const before = statSync(`${path}-wal`).size
    await store.execute([createProduct('a-sku-to-look-for', 1)])
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(before)
    expect(readFileSync(`${path}-wal`).includes('a-sku-to-look-for')).toBe(true)
    await store.close()
  })

  it('survives a kill: the next process finds what was acknowledged (O1)', async () => {
    const path = await temporaryFile()
    await filled(path, 500)
    const [id] = runChild('crash', path)
    const store = await sqliteStore({ path })
    expect(await store.reservation(String(id))).toMatchObject({ status: 'active', userId: 'ann' })
    expect((await audit(store)).findings).toEqual([])
    await store.close()
  })

  it.each([
    ['oversold', 'update stock set sold = total + 1'],
    ['oversold by reservations', 'update stock set reserved = total - sold + 1'],
    ['fewer than none', 'update stock set reserved = -1'],
    ['a total below what is sold (S8)', 'update stock set sold = 3, total = 2'],
    ['two orders of one reservation (O2)', `insert into orders values (9, 'y', 'r', 'ann', 'placed', '{}', 1, null)`],
    ['an end without its instant', `update reservations set status = 'expired'`],
    ['a confirmed reservation without an order', `update reservations set status = 'confirmed', ended_at = 1`],
  ])('cannot be made wrong: %s', async (_, sql) => {
    const path = await temporaryFile()
    await filled(path, 500)
    const database = await connect(path)
    database.exec(`insert into orders values (8, 'x', 'r', 'ann', 'placed', '{}', 1, null)`)
    expect(() => database.exec(sql)).toThrow(/constraint/)
    disconnect(database)
  })
})

/** The user id that has no rights, on Linux and macOS alike. */
const nobody = 65_534

describe('a file that cannot be used', () => {
  it('is in use by another process', async () => {
    const path = await temporaryFile()
    const store = await sqliteStore({ path })
    const [refusal] = runChild('open', path)
    expect(refusal).toMatchObject({ code: 'cannot_open', message: expect.stringMatching(/in use by another process.*stop the other/) })
    expect(await store.execute([createProduct('a', 1)])).toMatchObject([{ ok: true }])
    await store.close()
    expect(runChild('open', path)).toEqual(['opened'])
  })

  it('is in use by this process', async () => {
    const path = await temporaryFile()
    const store = await sqliteStore({ path })
    expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('in use') })
    await store.close()
  })

  it('belongs to another program, and stays as it is', async () => {
    const path = await temporaryFile()
    const other = await connect(path)
    other.exec('pragma application_id = 7')
    disconnect(other)
    const theirs = readFileSync(path)
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('another program') })
    }
    expect(readFileSync(path).equals(theirs), 'nothing was changed').toBe(true)
  })

  it('was written by a newer Holdfast', async () => {
    const path = await temporaryFile()
    const newer = await connect(path)
    newer.exec('pragma user_version = 99')
    disconnect(newer)
    expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('newer Holdfast') })
  })

  it('is no database', async () => {
    const path = await temporaryFile()
    const text = 'a shopping list, long enough to be more than the header of a database\n'.repeat(99)
    writeFileSync(path, text)
    expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('not a SQLite database') })
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('is in a folder that does not exist, or is a folder', async () => {
    const path = await temporaryFile()
    expect(await refusalOf(join(path, 'deeper', 'a.db'))).toMatchObject({
      code: 'cannot_open',
      message: expect.stringContaining('does not exist'),
    })
    expect(await refusalOf(dirname(path))).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('cannot be opened') })
  })

  it('is read-only', async () => {
    const path = await temporaryFile()
    await filled(path, 0)
    chmodSync(dirname(path), 0o555)
    chmodSync(path, 0o444)
    // Root may write everything, so it looks as somebody else.
    const isRoot = process.getuid?.() === 0
    if (isRoot) process.seteuid?.(nobody)
    try {
      expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringMatching(/read-only|cannot be opened/) })
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(dirname(path), 0o755)
    }
  })

  it('is damaged after an unclean stop, at every attempt', async () => {
    const path = await temporaryFile()
    await filled(path, 2_000)
    runChild('crash', path)
    overwrite(path, 60 * pageBytes, 5 * pageBytes)
    const damaged = readFileSync(path)
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('damaged') })
    }
    expect(readFileSync(path).equals(damaged), 'nothing was changed').toBe(true)
  })

  it('is damaged, and was stopped cleanly', async () => {
    const path = await temporaryFile()
    await filled(path, 2_000)
    overwrite(path, 60 * pageBytes, 5 * pageBytes)
    expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('damaged') })
  })

  it('is truncated', async () => {
    const path = await temporaryFile()
    await filled(path, 2_000)
    truncateSync(path, 50 * pageBytes)
    expect(await refusalOf(path)).toMatchObject({ code: 'cannot_open', message: expect.stringContaining('damaged') })
  })

  it('has no name that Holdfast knows', async () => {
    for (const url of ['mysql://x', 'sqlite:', 'x', '', ':memory:']) {
      await expect(openStore(url)).rejects.toMatchObject({ code: 'cannot_open' })
    }
    const store = await openStore('sqlite::memory:')
    await store.close()
  })
})

describe('a name that looks like a URI', () => {
  it('is a file of that name, whose options change nothing', async () => {
    const folder = dirname(await temporaryFile())
    const before = process.cwd()
    process.chdir(folder)
    try {
      const store = await openStore('sqlite:file:shop.db?mode=memory')
      await store.execute([createProduct('a', 1)])
      await expect(openStore('sqlite:file:shop.db?mode=memory')).rejects.toMatchObject({ code: 'cannot_open' })
      await store.close()
      expect(statSync(join(folder, 'file:shop.db?mode=memory')).size).toBeGreaterThan(0)
    } finally {
      process.chdir(before)
    }
  })
})

describe('a store that is closed', () => {
  it('answers with the fault closed, and may be closed again', async () => {
    const store = await sqliteStore({ path: ':memory:' })
    await store.close()
    await store.close()
    await expect(store.execute([adjustStock('a', 1)])).rejects.toMatchObject({ code: 'closed' })
    await expect(store.product('a')).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('a full disk', () => {
  // A limit on the size of files stands for it: the same failure of the same write, without a disk to fill.
  it.skipIf(process.platform !== 'linux')('is store_unavailable, loses nothing, and is over when there is room (O1)', async () => {
    const path = await temporaryFile()
    await filled(path, 0)
    const filling = spawn('sh', ['-c', 'ulimit -S -f 1000 && exec "$0" "$@"', process.execPath, child, 'fill', path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const printed: unknown[] = []
    for await (const line of createInterface({ input: filling.stdout })) {
      printed.push(JSON.parse(line))
      if (line !== '"full"') continue
      spawnSync('sh', ['-c', `prlimit --pid ${filling.pid} --fsize=unlimited`])
      filling.stdin.write('go on\n')
    }
    expect(printed).toEqual([{ code: 'store_unavailable', message: expect.any(String) }, 'full', expect.any(Array)])
    const acknowledged = printed[2] as string[]
    expect(acknowledged.length).toBeGreaterThan(10)

    const store = await sqliteStore({ path })
    for (const id of acknowledged) expect(await store.reservation(id)).toMatchObject({ id })
    const { findings, reservations } = await audit(store)
    expect({ findings, reservations }).toEqual({ findings: [], reservations: acknowledged.length })
    await store.close()
  })
})
