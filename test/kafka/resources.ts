/** Sockets and timers that this process holds, to see that nothing stays behind. */
const count = (kind: string): number =>
  process.getActiveResourcesInfo().filter((one) => one === kind).length

export const openSockets = (): number => count('TCPSocketWrap')
export const openTimers = (): number => count('Timeout')
