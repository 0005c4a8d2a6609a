/** Every default and limit, once, each with its unit (DESIGN 12). What is a setting says so; the rest is the same everywhere. */

const KiB = 1024
const MiB = 1024 * KiB
const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** Of a plan and its texts. */
export const stepCountMax = 20_000
export const textBytesMax = 256 * KiB
export const nameCharsMax = 200
export const checkCountMax = 50
/** Of what is told of a plan's faults: of each, and of all. */
export const faultCharsMax = 16 * KiB
export const faultsBytesMax = 128 * KiB
export const idCharsMax = 64
/** Ids that Writ derives from a chosen one (steps, contracts, tasks) carry a suffix. */
export const derivedIdCharsMax = 96

/** Of the wire: a payload in one message, a file of a contract (in chunks), files per contract. */
export const payloadBytesMax = 512 * KiB
/** Of the lines in one answer: the rest of it has room beside them. Of a view, whose texts are cut short beyond it. */
export const answerBytesMax = 448 * KiB
export const viewBytesMax = 508 * KiB
export const fileBytesMax = 8 * MiB
export const fileCountMax = 1000
export const fileChunkBytes = 256 * KiB
/** Of contents that no file refers to (any more): an upload is finished within this time, and who reads what was replaced is done with it. */
export const uploadKeptMs = 24 * hour
export const jsonDepthMax = 100

/** Of the core: one commit, one batch, the cascade that one message may set off inside a commit. */
export const commitBytesMax = MiB
export const commitActorsMax = 500
export const batchMessagesMax = 200
export const cascadeMessagesMax = 400
export const mailboxMessagesMax = 100_000
export const parkTriesMax = 5
/** Parked messages that a holder knows of, so that nothing overtakes them before they are decided about. */
export const parkedAheadMax = 10_000
export const sliceSteps = 200
/** Of what the steps that are told something in one commit write: their texts, and what they remember. */
export const sliceBytesMax = 256 * KiB
export const residentActorsMax = 20_000
export const pendingRequestsMax = 10_000

/** Shards, for the life of a database. */
export const shardCount = 256
/** Of a thread; a setting, with this default and these limits. It is renewed after this part of it, and trusted for two thirds. */
export const leaseMs = 10 * second
export const leaseMsMin = 2 * second
export const leaseMsMax = minute
export const renewedPart = 0.3
/** The most shards that a thread takes at once, so that a start does not load everything in one go; and gives up at once. */
export const takenAtOnce = 64
export const givenUpAtOnce = 16
/** Between two times that it gives some up: those before are served elsewhere by then. */
export const giveUpPauseMs = 50
/** A thread that has not shown a sign of life by then is ended: on a busy host it takes its time to load what it is made of. */
export const threadStartMs = minute
/** A thread that ended is started again after this time, doubled for each end in a row, at most; and so often, unless one has worked this long. */
export const threadRestartMs = 250
export const threadRestartMaxMs = 10 * second
export const threadEndsMax = 5
export const threadSettledMs = minute
export const sweepMs = second
/**
 * Commits of unknown result so soon after each other may fail at something that comes again: units run one by one for as long after.
 * More than two may take that nobody answers.
 */
export const unansweredAgainMs = 25 * second
/** What came in before a shard is given up is taken; what takes longer than this is asked again elsewhere. */
export const drainMs = 2 * second
export const tidyMs = hour
/** A tidying that failed, or has not ended, is begun anew after this time. */
export const tidyAgainMs = minute
/** While a thread has this many units in line nothing is tidied, but for no longer than this. */
export const tidyBusyUnits = 50
export const tidyPutOffMs = minute
/** How long a tidying waits for a row that somebody else writes. */
export const tidyLockMs = 500
/** Rows of a table that one call of a tidying deletes, and directives that one looks at. */
export const clearedRowsAtOnce = 500
export const endedLookedAtOnce = 200
/** How long one look clears away what is left of directives that went. */
export const clearMs = 250
/** For how long what is over is kept, at least and at most: settings. Less would take away what people have no time to look at. */
export const keptMsMin = minute
export const keptMsMax = 36_500 * 24 * hour
/** What is kept for a time is looked for at least so often in that time, but no more often than every sweep. */
export const retentionPassesMin = 24
/** Actors whose journals one look finds the lengths of; rows that one cut takes away; how many are not worth one while the actor lives. */
export const journalsLookedAtOnce = 200
export const journalCutRows = 500
export const journalCutMin = 100
/** How long it is remembered that a directive was removed: for so long its id is not used again. */
export const goneKeptMs = 30 * 24 * hour
export const commitDeadlineMs = 10 * second
export const requestDeadlineMs = 10 * second
/** How long a client waits for an answer before it asks the first time again. */
export const firstTryMs = 2.5 * second
/** Further tries of one call to connect to a database that closes what it accepts; before the first of them, doubled for each. */
export const reconnectCountMax = 5
export const reconnectPauseMs = 100
export const replyKeptMs = 24 * hour

/** Of daemons and attempts. */
export const acceptMs = 10 * second
/** How long one try to hand over an attempt is waited for: what was lost on the way is sent again while there is time to accept it. */
export const spawnAskMs = 2 * second
export const beatMs = 5 * second
/** A daemon that refuses what it is sent, again and again, is sent nothing for a growing time, at most this. */
export const refusedWaitMaxMs = 5 * minute
export const daemonLeaseMs = 30 * second
export const stallMs = 10 * minute
/** How often our daemon asks whether an attempt is still wanted. */
export const attemptAskMs = minute
export const totalMs = 4 * hour
/** What the database holds in a number of its own. */
export const attemptNumberMax = 2 ** 31 - 1
export const stoppingMs = 30 * second
export const meansBackoffMs: readonly number[] = [5 * second, 30 * second]
export const grantReusesMax = 8
export const registryAuditMs = minute
export const daemonSlotsMax = 1000
/** Of one owner, pulls that wait or work among them. */
export const daemonCountMax = 10_000
/** Of the figures of an owner: how many of its daemons are shown with them, and of how many directives it is said how they have ended. */
export const shownDaemonsMax = 100
export const countedEndsMax = 1000
/** How long whoever gathers them waits for the holder of a registry, that knows the beats. */
export const silencesDeadlineMs = second
/** What a daemon's workspaces, logs and clones may take together; a setting. */
export const daemonDiskBytes = 20 * 1024 * MiB
export const cleanMs = 10 * minute
export const labelCountMax = 32
export const outputBytesMax = 10 * MiB
/** Of output in one answer: as JSON every byte may become six. */
export const outputPartBytes = 64 * KiB
export const pullWaitMs = 30 * second
/** The servers say sooner that nobody waits for the answer to a pull; who waits says nothing. */
export const pullHeardMs = 2 * second

/** Defaults of a directive. */
export const maxRegenerationsDefault = 2
export const maxReworkDefault = 3
export const thresholdGreenDefault = 0.8
export const thresholdYellowDefault = 0.5
export const evaluatorRetriesDefault = 2

/** Of looking inside: how long a watch holds without being renewed, and how often its watcher renews it. */
export const inspectionLeaseMs = 30 * second
export const inspectionRenewMs = 10 * second
/** How long a watcher asks before it says that nobody answers. */
export const inspectionDeadlineMs = 5 * second
/** Watches that one thread shows what it takes to, of all owners. */
export const inspectionCountMax = 1000
/** How long threads are waited for that do not say that they show what they take. */
export const inspectingWaitMs = second
/** Actors that one watcher is shown; a setting of each watch, with this default and this limit. */
export const inspectedActorsDefault = 100
export const inspectedActorsMax = 10_000
/** Between two states of one actor that a watcher is shown, unless it wants all. */
export const coalesceMsDefault = 100
/** Of frames that wait for a slow watcher; it is dropped beyond. */
export const slowWatcherBytes = 8 * MiB
/** While there is no room for more, one who reads nothing for so long is dropped as well. */
export const slowWatcherMs = 5 * second
/** Sightings that a watcher has not come to; beyond, what it missed is read instead. */
export const sightingsAheadMax = 20_000
/** Between two notices of what a watcher is not shown. */
export const noticeMs = 10 * second
/** Of the history that one replay holds in memory: messages, and what they take as JSON. */
export const replayedMax = 200_000
export const replayedBytesMax = 256 * MiB
/** Frames that the bridge to Stately's page keeps for who opens it later. */
export const bridgedFramesMax = 2_000
/** Sockets of one node's inspector. */
export const watcherCountMax = 200
/** Entries that are folded before others have their turn. */
export const foldedAtOnce = 20
/** A page of histories is answered after this time with what it has; it is asked for with the deadline of a request. */
export const historyPageMs = 3 * second
/** Entries that are folded for one look at a state that is past. */
export const foldedEntriesMax = 200_000
/** Steps of a page of a directive that is past: each is folded. */
export const pastStepsAtOnce = 200
/** States of actors that are kept for who turns the pages of their histories, and journal rows that are read at once. */
export const foldsKeptMax = 200
export const journalRowsAtOnce = 200

/** Of each log file of a node and of its private servers, beside as much of it that is set aside; how often the servers' are looked at. */
export const logBytesMax = 10 * MiB
export const logLookMs = 10 * second

/** How often the holder of a data folder touches its lock; one in another container or on another host that has not for so long is dead. */
export const lockTouchMs = 2 * second
export const lockStillMs = 15 * second

/** Of what `writ verify` finds: more than anybody reads. */
export const findingsMax = 10_000
/** How long it may look for `writ doctor`, and how long one statement of it may take otherwise. */
export const quickVerifyMs = 5 * second
export const verifyStatementMs = 10 * minute
