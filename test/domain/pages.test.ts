import { describe, expect, it } from 'vitest'
import { completeQuery, listAll, type Page, type PageQuery } from '../../src/domain/pages.ts'

const letters = ['a', 'b', 'c', 'd', 'e']

/** A list whose cursor is where to go on; `end`: what it says when there is no more. */
function listOf(end: (cursor: string | null) => string | null) {
  const asked: PageQuery[] = []
  const list = async (query: PageQuery): Promise<Page<string>> => {
    asked.push(query)
    const from = Number(query.cursor ?? 0)
    const data = letters.slice(from, from + query.limit)
    return { data, nextCursor: from + data.length < letters.length ? String(from + data.length) : end(query.cursor) }
  }
  return { list, asked }
}

describe('listAll()', () => {
  it('reads page after page until there is no next cursor', async () => {
    const { list, asked } = listOf(() => null)
    const found: string[] = []
    for await (const letter of listAll(list, { limit: 2 })) found.push(letter)
    expect(found).toEqual(letters)
    expect(asked.map(({ cursor }) => cursor)).toEqual([null, '2', '4'])
  })

  it('begins where it is told, and takes pages as large as may be', async () => {
    const { list, asked } = listOf(() => null)
    const found: string[] = []
    for await (const letter of listAll(list, { cursor: '3' })) found.push(letter)
    expect(found).toEqual(['d', 'e'])
    expect(asked).toEqual([{ limit: 200, cursor: '3' }])
  })

  it('ends where the cursor stands still, as that of the feed does', async () => {
    const { list, asked } = listOf(() => '5')
    const found: string[] = []
    for await (const letter of listAll(list)) found.push(letter)
    expect(found).toEqual(letters)
    expect(asked.map(({ cursor }) => cursor)).toEqual([null, '5'])
  })

  it('reads no page that nobody asks for', async () => {
    const { list, asked } = listOf(() => null)
    for await (const letter of listAll(list, { limit: 1 })) if (letter === 'b') break
    expect(asked).toHaveLength(2)
  })
})

describe('completeQuery()', () => {
  it('fills in what was left out, and keeps the limit within bounds', () => {
    expect(completeQuery({})).toEqual({ limit: 50, cursor: null })
    expect([0, 7.9, 999].map((limit) => completeQuery({ limit, cursor: 'x' }))).toEqual([
      { limit: 1, cursor: 'x' },
      { limit: 7, cursor: 'x' },
      { limit: 200, cursor: 'x' },
    ])
  })
})
