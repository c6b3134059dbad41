import { readFileSync, statSync } from 'node:fs'
import { expect, it } from 'vitest'

it('builds a command that may be executed, also when npx linked an earlier build', () => {
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { bin: { holdfast: string } }
  expect(statSync(bin.holdfast).mode & 0o111).toBe(0o111)
})
