/** What a span is told about: by the names of OpenTelemetry's conventions where there are such. Never a secret, never text of people. */
export type Attributes = Readonly<Record<string, string | number | readonly string[]>>;

/** A piece of work that is under way. */
export interface Span {
  rename(name: string): void;
  describe(attributes: Attributes): void;
  /** It did not come to what it was for, by a fault of ours. */
  fail(): void;
}

/** An operation as it begins. */
export interface Operation {
  /** A UUID, also the correlation id of what the operation leaves behind. */
  id: string;
  /** W3C trace context of whoever asked for it, as they sent it. */
  traceparent: string | undefined;
  tracestate: string | undefined;
}

/** What was done, because of operations, by somebody who was not asked by them. */
export interface Consequence {
  name: string;
  operationId: string;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  attributes: Attributes;
}

/** Shows what is done, how long it takes and what follows from what, to whoever collects that. */
export interface Tracing {
  /** The whole work of an operation; what is begun within it belongs to it. */
  operation<T>(operation: Operation, name: string, work: (span: Span) => Promise<T>): Promise<T>;
  /**
   * A part of the work that is under way.
   * @param operationId the operation that it belongs to, where it is not done within one
   */
  part<T>(name: string, attributes: Attributes, work: (span: Span) => Promise<T>, operationId?: () => string): Promise<T>;
  /** Something that has been done already, joined with its operation by the id alone: also when another process carried that out. */
  followed(consequence: Consequence): void;
  /** Hands over what is still here, if it is taken soon. */
  close(): Promise<void>;
}

export interface TracingSettings {
  /** The base address of a collector that takes OTLP over HTTP; nothing is traced, or even loaded, without it. */
  endpoint: string | undefined;
  serviceName: string;
  serviceVersion: string;
  /** Told when the collector takes nothing, and when it does again. */
  log(line: string): void;
}
