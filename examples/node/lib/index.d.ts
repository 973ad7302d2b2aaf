// SPDX-License-Identifier: MIT
// One rule for numbers: a name with `Ns` is nanoseconds and a bigint, since the system's clock passes 2^53 ns after 104 days;
// everything else (positions, frames, bytes) is a number, exact to 2^53, which is 743 years of frames at 384 kHz.

/// <reference lib="esnext.disposable" />

// ---- numbers of the library ----

/** What a sample is; native endian. */
export declare const Format: { readonly S16: 1; readonly S24: 2; readonly S32: 3; readonly F32: 4; readonly U8: 5 };
export type Format = (typeof Format)[keyof typeof Format];

/** 0 success, positive "nothing went wrong, but there is no buffer", negative an error. */
export declare const Result: {
  readonly OK: 0;
  readonly TIMED_OUT: 1;
  readonly END: 2;
  readonly INTERRUPTED: 3;
  readonly ERROR_INVALID_ARGUMENT: -1;
  readonly ERROR_NO_MEMORY: -2;
  readonly ERROR_INVALID_STATE: -3;
  readonly ERROR_NO_DEVICE: -4;
  readonly ERROR_DEVICE_BUSY: -5;
  readonly ERROR_DEVICE_LOST: -6;
  readonly ERROR_UNSUPPORTED_FORMAT: -7;
  readonly ERROR_POOL_EXHAUSTED: -8;
  readonly ERROR_LIMIT: -9;
  readonly ERROR_BACKEND: -10;
  readonly ERROR_ABI_MISMATCH: -11;
  readonly ERROR_FORKED: -12;
  readonly ERROR_HOST_STUCK: -13;
  readonly ERROR_PERMISSION: -14;
};
export type Result = (typeof Result)[keyof typeof Result];

/** Bits of {@link DeviceInfo.flags}. */
export declare const DeviceFlags: { readonly DEFAULT: 1; readonly LOOPBACK: 2; readonly STALE: 4 };
/** Bits of {@link Buffer.flags}. */
export declare const BufferFlags: {
  readonly GAP: 1;
  readonly HOST_OVERFLOW: 2;
  readonly PARTIAL: 4;
  readonly SILENT: 8;
  readonly RECOVERED: 16;
};
/** Bits of a pool's flags; {@link PoolOptions.lockMemory} sets it. */
export declare const PoolFlags: { readonly LOCK_MEMORY: 1 };
/** Bits of {@link StreamInfo.flags}. */
export declare const StreamFlags: { readonly PLANAR: 1; readonly LOCK_MEMORY: 2 };

/** What happens when the device goes away. */
export declare const OnDeviceLost: { readonly FAIL: 0; readonly WAIT: 1; readonly FOLLOW_DEFAULT: 2 };
export type OnDeviceLost = (typeof OnDeviceLost)[keyof typeof OnDeviceLost];

/** {@link StreamStats.state}. */
export declare const StreamState: { readonly STOPPED: 0; readonly RUNNING: 1; readonly LOST: 2 };
export type StreamState = (typeof StreamState)[keyof typeof StreamState];

/** What a full queue does. */
export declare const Overflow: { readonly DROP_OLDEST: 0; readonly DROP_NEWEST: 1 };
export type Overflow = (typeof Overflow)[keyof typeof Overflow];

/** {@link Event.type}. */
export declare const EventType: {
  readonly STREAM_STALLED: 1;
  readonly STREAM_LOST: 2;
  readonly STREAM_RECOVERED: 3;
  readonly DEVICES_CHANGED: 4;
  readonly FRAMES_LOST: 5;
  readonly HOST_STUCK: 6;
  readonly SUSPECT_SILENCE: 7;
  readonly POOL_LOW: 8;
  readonly LOG: 9;
};
export type EventType = (typeof EventType)[keyof typeof EventType];

/** {@link Event.level}. */
export declare const Level: { readonly ERROR: 1; readonly WARNING: 2; readonly INFO: 3 };
export type Level = (typeof Level)[keyof typeof Level];

/** The largest and smallest values that the library takes. */
export declare const Limits: {
  readonly MIN_SAMPLE_RATE_HZ: 8000;
  readonly MAX_SAMPLE_RATE_HZ: 384000;
  readonly MAX_CHANNELS: 128;
  readonly MAX_FRAMES_PER_BUFFER: 1048576;
  readonly MAX_READERS: 64;
  readonly MAX_QUEUE_BUFFERS: 65536;
  readonly MAX_POOL_BUFFERS: 1048576;
  readonly MAX_BUFFER_BYTES: 268435456;
};

// ---- errors ----

/**
 * A result of the library that is not success, or a misuse that this package noticed (`ERR_ACAP_RELEASED`,
 * `ERR_ACAP_CLOSED`, `ERR_ACAP_SHARED`, `ERR_ACAP_BUSY`, `ERR_ACAP_TICKET`).
 */
export declare class AcapError extends Error {
  constructor(result: number, code: string, message: string);
  /** The result's number, such as -4. */
  readonly result: number;
  /** Its name, such as 'ACAP_ERROR_NO_DEVICE'. */
  readonly code: string;
}

// ---- options and figures ----

export interface ContextOptions {
  /** What undefined and plain device names mean; without it the environment's ACAP_BACKEND, else 'portaudio'. */
  backend?: 'portaudio' | 'sim' | 'push' | undefined;
}

/** Zero and undefined mean "the default". Nanoseconds may be given as a number, too. */
export interface StreamOptions<F extends Format = Format> {
  /** An id, a unique part of a name, 'sim:...', 'push:'; without it the environment's ACAP_DEVICE, else the default input. */
  device?: string | undefined;
  /** 48000 when the device can, else its own default. */
  sampleRateHz?: number | undefined;
  /** At most 2. */
  channelCount?: number | undefined;
  /** F32. */
  format?: F | undefined;
  /** 10 ms. A buffer has exactly so many, fewer only where its flags say PARTIAL. */
  framesPerBuffer?: number | undefined;
  /** One channel after the other instead of interleaved. */
  planar?: boolean | undefined;
  /** Lock the stream's pool into RAM. */
  lockMemory?: boolean | undefined;
  poolBuffersMin?: number | undefined;
  poolBuffersMax?: number | undefined;
  /** Asked of the device; by default what is safe for a recorder. */
  latencyNs?: bigint | number | undefined;
  /** A pool to share with other streams; by default the stream's own. */
  pool?: Pool | undefined;
  onDeviceLost?: OnDeviceLost | undefined;
  /** How much of the past stays borrowable for new readers. */
  historyNs?: bigint | number | undefined;
}

export interface ReaderOptions {
  /** Most that wait for it; by default about 500 ms. */
  queueBuffers?: number | undefined;
  overflow?: Overflow | undefined;
  /** A wait ends only when so many are queued; by default 1. */
  wakeBuffers?: number | undefined;
  /** How many this consumer will keep at once; by default queueBuffers. */
  holdBuffers?: number | undefined;
  /** Start so far in the past, or as far as the stream's history goes. */
  prerollNs?: bigint | number | undefined;
  /** For reports. */
  name?: string | undefined;
  /** One copy of each buffer into memory of the runtime's own, as where external buffers are forbidden. */
  copy?: boolean | undefined;
}

/** A reader on its way to another thread of the process. */
export interface ReaderTicket<F extends Format = Format> {
  readonly token: number;
  readonly copy: boolean;
  /** For the types alone. */
  readonly format?: F;
}

export interface PoolOptions {
  /** Bytes of each buffer's data. */
  bufferSizeBytes: number;
  /** Allocated at once; by default 16, or buffersMax. */
  buffersMin?: number | undefined;
  /** The pool never grows beyond it. */
  buffersMax?: number | undefined;
  lockMemory?: boolean | undefined;
}

export interface WaitOptions {
  /** 0 does not wait; without it as long as it takes. Too late is an AcapError 'ACAP_TIMED_OUT'. */
  timeoutMs?: number | undefined;
  /** Ends the wait; the promise is rejected with the signal's reason, and no buffer is taken. */
  signal?: AbortSignal | undefined;
}

/** One capture device. */
export interface DeviceInfo {
  /** Opens it; stable across runs and re-plugging where the host allows. */
  readonly id: string;
  readonly name: string;
  readonly hostApi: string;
  readonly maxChannelCount: number;
  readonly defaultSampleRateHz: number;
  readonly lowLatencyNs: bigint;
  readonly highLatencyNs: bigint;
  /** {@link DeviceFlags}. */
  readonly flags: number;
}

/** What was really opened. */
export interface StreamInfo<F extends Format = Format> {
  readonly sampleRateHz: number;
  readonly channelCount: number;
  readonly format: F;
  readonly framesPerBuffer: number;
  /** {@link StreamFlags}. */
  readonly flags: number;
  /** By the host's word; 0: unknown. */
  readonly latencyNs: bigint;
  /** Unique in the process, from 1. */
  readonly streamId: number;
  /** Opens the same device again. */
  readonly deviceId: string;
  readonly backend: string;
}

/** In every snapshot position === framesCaptured + framesLost and framesLost === lostPool + lostHost. */
export interface StreamStats {
  readonly state: StreamState;
  /** The audio thread runs in a real-time class. */
  readonly realtime: boolean;
  readonly position: number;
  readonly framesCaptured: number;
  readonly framesLost: number;
  /** Lost because no buffer was free. */
  readonly lostPool: number;
  /** Never handed over by the host. */
  readonly lostHost: number;
  /** In the buffer that is being filled. */
  readonly framesPending: number;
  readonly callbacks: number;
  readonly hostOverflows: number;
  readonly buffersFilled: number;
  readonly recoveries: number;
  readonly callbackNsMax: bigint;
  readonly callbackNsTotal: bigint;
  /** The device's real rate; 0 until known. */
  readonly measuredRateHz: number;
}

/**
 * In every snapshot startPosition + framesDelivered + framesLost + framesQueued === endPosition and
 * framesLost === lostStream + lostQueue.
 */
export interface ReaderStats {
  readonly queuedBuffers: number;
  readonly queuedBuffersPeak: number;
  readonly startPosition: number;
  readonly endPosition: number;
  readonly buffersDelivered: number;
  readonly framesDelivered: number;
  readonly framesQueued: number;
  readonly framesLost: number;
  /** Lost by the stream while this reader was open. */
  readonly lostStream: number;
  /** Lost because this reader's queue was full. */
  readonly lostQueue: number;
  /** Capture to borrow, median, within 7 %. */
  readonly latencyNsP50: bigint;
  readonly latencyNsP99: bigint;
  readonly latencyNsMax: bigint;
}

/** In every snapshot acquired === released + inUse. */
export interface PoolStats {
  readonly capacity: number;
  readonly freeBuffers: number;
  readonly inUse: number;
  readonly inUsePeak: number;
  readonly buffersMin: number;
  readonly buffersMax: number;
  readonly grown: number;
  readonly acquired: number;
  /** Of these, buffers that had been used before. */
  readonly recycled: number;
  /** Attempts that found none free. */
  readonly exhausted: number;
  readonly released: number;
  readonly rejectedReleases: number;
  readonly memoryBytes: number;
  /** Age of the longest outstanding buffer; 0: none is out. */
  readonly oldestHeldNs: bigint;
  readonly hitRate: number;
}

/** What {@link Buffer.measure} found. */
export interface Levels {
  /** Largest magnitude of each channel, 1.0 = full scale. */
  readonly peak: Float32Array;
  /** Root of the mean square of each channel. */
  readonly rms: Float32Array;
  /** Samples at or beyond full scale. */
  readonly clipped: number;
  /** Samples that are digital silence. */
  readonly zeros: number;
}

/** Something that a program may want to know of. */
export interface Event {
  readonly type: EventType;
  readonly level: Level;
  /** {@link StreamInfo.streamId}; 0 where no stream is meant. */
  readonly streamId: number;
  /** FRAMES_LOST: where it was found; others: the stream's position. */
  readonly position: number;
  /** FRAMES_LOST, STREAM_RECOVERED: how many. */
  readonly frames: number;
  /** Discarded just before this one because nobody took them. */
  readonly eventsLost: number;
  readonly timeNs: bigint;
  /** For people. */
  readonly text: string;
}

/** The view of a format's samples; S24 is three bytes a sample. */
export type Samples<F extends Format | null> = F extends 1
  ? Int16Array
  : F extends 3
    ? Int32Array
    : F extends 4
      ? Float32Array
      : Uint8Array;

// ---- classes ----

/**
 * A run of consecutive frames that was captured once and copied for nobody; yours until you release it. What the header
 * says stays readable afterwards; everything else then throws 'ERR_ACAP_RELEASED'.
 */
export declare class Buffer<F extends Format | null = Format | null> {
  private constructor();
  /** {@link BufferFlags}. */
  readonly flags: number;
  /** The stream's position of the first frame; frame i is position + i. */
  readonly position: number;
  /** When the first frame was captured, by {@link clockNs}. */
  readonly timeNs: bigint;
  /** Bound of the error of timeNs; null when unknown. */
  readonly timeErrorNs: bigint | null;
  /** Frames that the stream lost just before this buffer. */
  readonly lostBefore: number;
  readonly frameCount: number;
  readonly sizeBytes: number;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** null: it came straight from a pool. */
  readonly format: F;
  /** Planar: bytes from one channel to the next; 0: interleaved. */
  readonly planeStrideBytes: number;
  /** Whether the memory is a copy: asked for, or because the runtime forbids external buffers. */
  readonly isCopy: boolean;

  /** The memory that was captured into, which other readers may share: read it, and see {@link writable}. */
  readonly samples: Samples<F>;
  /** The same as bytes. */
  readonly bytes: Uint8Array;
  /** The same, whole. */
  readonly arrayBuffer: ArrayBuffer;
  /** One channel's samples, of a planar or a mono buffer. */
  channel(index: number): Samples<F>;
  /** The memory to write to, as the only holder. */
  writable(): Samples<F>;
  measure(): Levels;

  /** Give the buffer back now: views of it have length 0 from here on. Twice is an error. */
  release(): void;
  readonly released: boolean;
  /** Another Buffer of the same memory, to be released on its own. */
  retain(): Buffer<F>;
  /** References at this moment, those of other readers included; for tests and debugging. */
  readonly referenceCount: number;
  /** For `using`: release, unless that was done. */
  [Symbol.dispose](): void;
}

/** The owner of buffers. */
export declare class Pool {
  constructor(options: PoolOptions);
  /** Take a free buffer; its header is empty, its memory is plain bytes. */
  acquire(): Buffer<null>;
  /** Another Pool object of the same pool, to be closed on its own. */
  retain(): Pool;
  readonly stats: PoolStats;
  readonly closed: boolean;
  close(): void;
  [Symbol.dispose](): void;
}

/** One consumer of a stream. */
export declare class Reader<F extends Format = Format> {
  private constructor();
  /** Take a reader that another thread handed over, once, and before that thread ends. */
  static takeOver<F extends Format>(ticket: ReaderTicket<F>): Reader<F>;
  /** Give the reader to another thread: this object is closed, and the ticket goes there by postMessage. */
  handOver(): ReaderTicket<F>;
  /** null where it was taken over from another thread. */
  readonly stream: Stream<F> | null;
  /** Borrow without waiting; undefined: nothing is queued; null: the end. */
  tryBorrow(): Buffer<F> | null | undefined;
  /** Borrow the next buffer; null: the end. One at a time. */
  borrow(options?: WaitOptions): Promise<Buffer<F> | null>;
  /** Each buffer, yours to release. Leaving the loop leaves the reader as it is. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer<F>>;
  /** Each buffer, released when the loop goes on or ends, however it ends, unless that was done. */
  loans(options?: WaitOptions): AsyncGenerator<Buffer<F>, void, void>;
  /** Make the current or the next borrow fail with ACAP_INTERRUPTED, once. */
  interrupt(): void;
  /** Let it get no more buffers; what is queued can still be borrowed. */
  end(): void;
  readonly stats: ReaderStats;
  /** Let waiting keep the process alive, which is so from the start. */
  ref(): this;
  /** Let the process end although somebody waits. */
  unref(): this;
  readonly closed: boolean;
  close(): void;
  [Symbol.dispose](): void;
}

/** One opened device. */
export declare class Stream<F extends Format = Format> {
  private constructor();
  readonly context: Context;
  openReader(options?: ReaderOptions): Reader<F>;
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly info: StreamInfo<F>;
  readonly stats: StreamStats;
  /** The pool that it fills. */
  readonly pool: Pool;
  /** Feed a "push:" stream with interleaved frames. */
  push(frames: Samples<F> | Uint8Array | DataView | ArrayBuffer, options?: { timeNs?: bigint | number }): void;
  /** Tell a "push:" stream that frames were lost. */
  pushLost(frameCount: number, options?: { timeNs?: bigint | number }): void;
  /** Let a "sim:" stream with pace=manual capture, in virtual time. */
  simAdvance(frameCount: number): void;
  readonly closed: boolean;
  close(): void;
  [Symbol.dispose](): void;
}

/** A set of streams with one default back end. */
export declare class Context {
  constructor(options?: ContextOptions);
  devices(): Promise<DeviceInfo[]>;
  /** Open a device, or just name it. It captures nothing before {@link Stream.start}. */
  openStream<F extends Format = 4>(options?: StreamOptions<F> | string): Promise<Stream<F>>;
  /** Fail as openStream would, in so far as that can be known without opening. */
  checkSupported(options?: StreamOptions | string): Promise<void>;
  tryNextEvent(): Event | undefined;
  nextEvent(options?: WaitOptions): Promise<Event>;
  /** Each event, until the context is closed. */
  events(options?: WaitOptions): AsyncGenerator<Event, void, void>;
  /** Make the current or the next nextEvent fail with ACAP_INTERRUPTED, once. */
  interrupt(): void;
  ref(): this;
  unref(): this;
  readonly closed: boolean;
  close(): void;
  [Symbol.dispose](): void;
}

// ---- what has no object ----

/** Whether buffers are shown without a copy here; Electron and others with V8's sandbox do not allow it. */
export declare const externalBuffers: boolean;
/** Buffers that this thread's objects hold now. */
export declare function buffersHeld(): number;
/** The clock of every `timeNs`. */
export declare function clockNs(): bigint;
/** Bytes of one sample of one channel; 0 for an unknown format. */
export declare function formatBytes(format: Format): number;
/** A result's name, such as 'ACAP_ERROR_NO_DEVICE'. */
export declare function resultName(result: number): string;
/** A result in one sentence. */
export declare function resultText(result: number): string;
/** The version of the library that runs: major << 16 | minor << 8 | patch. */
export declare function version(): number;
/** The version of the library that runs, as text. */
export declare function versionString(): string;
