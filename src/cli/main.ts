#!/usr/bin/env node
import { Command } from 'commander'
import { addAudit } from './audit.ts'
import { exitCodeOf, explain } from './failure.ts'
import { addCopy } from './copy.ts'
import { addMigrate } from './migrate.ts'
import { addSeed } from './seed.ts'
import { addServe } from './serve.ts'
import { addSimulate } from './simulate.ts'
import { addWorker } from './worker.ts'
import { version } from '../version.ts'

const program = new Command('holdfast')
  .description('Reserve stock for a few minutes, then confirm, cancel or let it expire.')
  .version(version, '-v, --version', 'show the version')
  .helpOption('-h, --help', 'show this help')
  .helpCommand('help [command]', 'show the help of a command')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(sentence(text)) })

addServe(program, version)
addWorker(program)
addSeed(program)
addAudit(program)
addMigrate(program)
addCopy(program)
addSimulate(program)

try {
  await program.parseAsync()
} catch (error) {
  const text = explain(error)
  if (text !== null) process.stderr.write(`${text}\n`)
  process.exitCode = exitCodeOf(error)
}

/** Commander's "error: unknown option '--x'" as a sentence. */
function sentence(text: string): string {
  const said = text.replace(/^error: /, '').trimEnd()
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}${/[.)]$/.test(said) ? '' : '.'}\n`
}
