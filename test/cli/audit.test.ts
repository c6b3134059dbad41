import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { createHoldfast, openStore } from '../../src/index.ts'
import { connect, disconnect } from '../../src/store/sqlite/connect.ts'
import { temporaryFile } from '../support/folder.ts'
import { accepted } from '../support/shop.ts'
import { separateEvents, typeOf } from '../support/stored-events.ts'
import { runCli } from './cli.ts'

/** A closed store with one order and one reservation that was cancelled. */
async function madeStore(): Promise<string> {
  const file = await temporaryFile()
  await using shop = createHoldfast({ store: await openStore(`sqlite:${file}`), expiry: 'manual' })
  for (const sku of ['vinyl', 'poster']) accepted(await shop.createProduct({ sku, name: sku, totalStock: 10 }))
  const reserve = async () => accepted(await shop.reserve({ userId: 'ada', items: [{ sku: 'vinyl', quantity: 2 }] }))
  accepted(await shop.confirm((await reserve()).id))
  accepted(await shop.cancel((await reserve()).id))
  return file
}

async function spoil(file: string, sql: string): Promise<void> {
  const database = await connect(file)
  database.exec(sql)
  disconnect(database)
}

describe('holdfast audit', () => {
  it('finds nothing in a store that nobody broke', async () => {
    const file = await madeStore()
    const { code, stdout, stderr } = await runCli(['audit', '--store', `sqlite:${file}`])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('Every unit is accounted for')
    const json = await runCli(['audit', '--store', `sqlite:${file}`, '--json'])
    expect(json.code).toBe(0)
    expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, products: 2, reservations: 2, orders: 1, findings: [] })
  })

  it('names the sku whose counter is wrong, with the units it should count', async () => {
    const file = await madeStore()
    await spoil(file, `update stock set reserved = reserved + 1 where sku = 'vinyl'`)
    const { code, stdout } = await runCli(['audit', '--store', `sqlite:${file}`])
    expect(code).toBe(1)
    expect(stdout).toMatch(/✗ S2 {2}vinyl/)
    expect(stdout).toMatch(/order [0-9a-f-]{36}: 2 sold/)
    expect(stdout).not.toContain('poster')
  })

  it('notices that an event is missing', async () => {
    const file = await madeStore()
    await spoil(file, `${separateEvents} delete from events where ${typeOf} = 'reservation.cancelled'`)
    const { code, stdout } = await runCli(['audit', '--store', `sqlite:${file}`, '--json'])
    expect(code).toBe(1)
    const { findings } = JSON.parse(stdout) as { findings: { promise: string; sku: string | null }[] }
    expect(findings).toContainEqual(expect.objectContaining({ sku: 'vinyl', promise: expect.stringMatching(/^S[34]$/) }))
  })

  it('says in a sentence that rows cannot be read', async () => {
    const file = await madeStore()
    await spoil(file, `update reservations set items = 'nonsense' where seq = 1`)
    const { code, stdout, stderr } = await runCli(['audit', '--store', `sqlite:${file}`])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/is damaged and cannot be read to its end/)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('refuses a file that is no store', async () => {
    const file = await temporaryFile()
    await writeFile(file, 'no store at all, and longer than the header of one'.repeat(100))
    const { code, stderr } = await runCli(['audit', '--store', `sqlite:${file}`])
    expect(code).toBe(1)
    expect(stderr).toMatch(/is not a SQLite database, or is damaged/)
  })

  it('refuses a file that does not exist, and does not make it', async () => {
    const file = await temporaryFile()
    const { code, stderr } = await runCli(['audit', '--store', `sqlite:${file}`])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^There is no file /)
    expect(existsSync(file)).toBe(false)
  })
})
