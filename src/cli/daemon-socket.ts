/** From inside a task: its daemon's socket. */
export { askSocket } from '../daemon/socket-client.ts'
