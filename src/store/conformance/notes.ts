import assert from 'node:assert/strict'
import type { Notes } from '../port.ts'
import { group, type Context } from './kit.ts'

/** Of stores without notes nothing is asked. */
const withNotes = (run: (notes: Notes, context: Context) => Promise<void>) => async (context: Context) => {
  const { notes } = context.store
  if (notes !== undefined) await run(notes, context)
}

export const noteTests = group('a note', {
  'is kept, changed and removed by whoever knows its version': withNotes(async (notes) => {
    assert.equal(await notes.read('a'), null)
    const first = await notes.write('a', 'one', null)
    assert.ok(first)
    assert.deepEqual(await notes.read('a'), { name: 'a', version: first, value: 'one' })
    const second = await notes.write('a', '{"two":"\\u0000 ü 👍"}', first)
    assert.ok(second !== null && second !== first)
    assert.deepEqual(await notes.read('a'), { name: 'a', version: second, value: '{"two":"\\u0000 ü 👍"}' })
    assert.equal(await notes.write('a', null, second), '')
    assert.equal(await notes.read('a'), null)
  }),

  'is not changed by whoever knows an older version, or none, or one of a note that was removed': withNotes(async (notes) => {
    const first = await notes.write('a', 'one', null)
    assert.equal(await notes.write('a', 'other', null), null)
    assert.equal(await notes.write('a', null, null), null)
    const second = await notes.write('a', 'two', first)
    for (const value of ['three', null]) assert.equal(await notes.write('a', value, first), null)
    assert.equal((await notes.read('a'))?.value, 'two')
    await notes.write('a', null, second)
    assert.equal(await notes.write('a', null, null), '')
    await notes.write('a', 'again', null)
    for (const version of [first, second]) assert.equal(await notes.write('a', 'three', version), null)
    assert.equal(await notes.write('b', 'three', 'never'), null)
    assert.equal((await notes.read('a'))?.value, 'again')
  }),

  'is written by one of many at once': withNotes(async (notes) => {
    let version: string | null = null
    for (let round = 0; round < 3; round++) {
      const written: readonly (string | null)[] = await Promise.all(
        Array.from({ length: 8 }, (_, writer) => notes.write('a', `${round} ${writer}`, version)),
      )
      const winners = written.flatMap((one, writer) => (one === null ? [] : [writer]))
      assert.equal(winners.length, 1)
      assert.equal((await notes.read('a'))?.value, `${round} ${winners[0]}`)
      version = written[winners[0]!]!
    }
  }),

  'is listed with those whose names begin alike, in their order': withNotes(async (notes) => {
    for (const name of ['b/2', 'a', 'b/10', 'b', 'b/Z', 'b0', 'b/~']) await notes.write(name, name, null)
    const names = async (prefix: string) => (await notes.list(prefix)).map(({ name, value }) => (assert.equal(value, name), name))
    assert.deepEqual(await names('b/'), ['b/10', 'b/2', 'b/Z', 'b/~'])
    assert.deepEqual(await names(''), ['a', 'b', 'b/10', 'b/2', 'b/Z', 'b/~', 'b0'])
    assert.deepEqual(await names('c'), [])
  }),
})
