import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A file name in an empty folder that goes away with the test. */
export async function temporaryFile(name = 'holdfast.db'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, name)
}
