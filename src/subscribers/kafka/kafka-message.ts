import type { CloudEvent } from '../cloud-event.ts';

/** An event as a message: CloudEvents in binary mode of the Kafka protocol binding. */
export interface KafkaMessage {
  /** The stream: what has the same key is in order. */
  key: string;
  /** The data, as JSON. */
  value: string;
  headers: Record<string, string>;
}

export function kafkaMessage({ data, datacontenttype, ...attributes }: CloudEvent): KafkaMessage {
  const headers = Object.entries(attributes).map(([name, value]) => [`ce_${name}`, String(value)]);
  return {
    key: attributes.partitionkey,
    value: JSON.stringify(data),
    headers: { ...Object.fromEntries(headers), 'content-type': datacontenttype },
  };
}

/** The bytes of a message in the protocol, key and headers included. */
export function bytesOf({ key, value, headers }: KafkaMessage): number {
  const texts = [key, value, ...Object.entries(headers).flat()];
  return texts.reduce((bytes, text) => bytes + Buffer.byteLength(text) + MAX_LENGTH_BYTES, FRAME_BYTES);
}

/** The length before a text, as a varint of a number below two million. */
const MAX_LENGTH_BYTES = 3;
/** Lengths, attributes, and the distances to the batch's first time and offset. */
const FRAME_BYTES = 24;
