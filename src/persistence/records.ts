/**
 * The records as people read them, from what was committed and never from somebody's memory: each answer is one SQL
 * statement, so what stands in it was true at one moment. Nothing is decided by it.
 */
import type { Reader } from '../actors/ports/reader.ts'
import { listDaemons } from './daemon-records.ts'
import { listDirectives, showDirective } from './directive-records.ts'
import { listAllEvents, listEvents } from './event-records.ts'
import { listLeases } from './lease-records.ts'
import { countOwner } from './owner-figures.ts'
import { listParked, showParked } from './parked-records.ts'
import { openReading, type ReadingOptions } from './reading.ts'
import { showStep } from './step-records.ts'
import { listFiles, listTasks, showTask } from './task-records.ts'
import { listWaiting } from './waiting-records.ts'

/** Throws as openStore does. */
export const openRecords = async (options: ReadingOptions): Promise<Reader> => {
  const connection = await openReading(options, 'writ records')
  return {
    directives: (owner, query) => listDirectives(connection, owner, query),
    directive: (owner, id) => showDirective(connection, owner, id),
    step: (owner, id) => showStep(connection, owner, id),
    events: (owner, directive, after, limit) => listEvents(connection, owner, directive, after, limit),
    allEvents: (owner, query) => listAllEvents(connection, owner, query),
    tasks: (owner, query) => listTasks(connection, owner, query),
    task: (owner, id) => showTask(connection, owner, id),
    daemons: (owner, query) => listDaemons(connection, owner, query),
    waiting: (owner, query) => listWaiting(connection, owner, query),
    parked: (owner, query) => listParked(connection, owner, query),
    parkedOne: (owner, id) => showParked(connection, owner, id),
    figures: (owner) => countOwner(connection, owner),
    leases: () => listLeases(connection),
    files: (owner, contract) => listFiles(connection, owner, contract),
    close: () => connection.close(),
  }
}
