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
