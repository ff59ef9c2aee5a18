/**
 * A failure in the form Flink's own client reads: the text, and a Java object stream of a `SerializedThrowable` that carries
 * it. Layout of the stream: the Java Object Serialization Specification, with the class's published fields and UIDs.
 */

export interface FailureCause {
  readonly class: string;
  readonly 'stack-trace': string;
  readonly 'serialized-throwable': string;
}

export function failureCause(className: string, stackTrace: string): FailureCause {
  return { class: className, 'stack-trace': stackTrace, 'serialized-throwable': javaThrowable(className, stackTrace).toString('base64') };
}

const tagNull = 0x70;
const tagClassDescription = 0x72;
const tagObject = 0x73;
const tagString = 0x74;
const tagLongString = 0x7c;
const endOfBlock = 0x78;
const serializable = 0x02;
const serializableWithMethod = 0x03;

export function javaThrowable(className: string, stackTrace: string): Buffer {
  const message = stackTrace.split('\n', 1)[0] ?? '';
  return Buffer.concat([
    Buffer.from([0xac, 0xed, 0x00, 0x05, tagObject]),
    classDescription('org.apache.flink.util.SerializedThrowable', 7284183123441947635n, serializable, [
      ['L', 'fullStringifiedStackTrace', 'Ljava/lang/String;'],
      ['L', 'originalErrorClassName', 'Ljava/lang/String;'],
      ['[', 'serializedException', '[B'],
    ]),
    classDescription('java.lang.Exception', -3387516993124229948n, serializable, []),
    classDescription('java.lang.Throwable', -3042686055658047285n, serializableWithMethod, [
      ['L', 'cause', 'Ljava/lang/Throwable;'],
      ['L', 'detailMessage', 'Ljava/lang/String;'],
      ['[', 'stackTrace', '[Ljava/lang/StackTraceElement;'],
      ['L', 'suppressedExceptions', 'Ljava/util/List;'],
    ]),
    Buffer.from([tagNull]),
    // Throwable: no cause, a message, no frames, nothing suppressed.
    Buffer.from([tagNull]),
    javaString(message),
    Buffer.from([tagNull, tagNull, endOfBlock]),
    javaString(stackTrace),
    javaString(className),
    Buffer.from([tagNull]),
  ]);
}

type Field = readonly [type: string, name: string, signature: string];

function classDescription(name: string, uid: bigint, flags: number, fields: readonly Field[]): Buffer {
  const uidBytes = Buffer.alloc(8);
  uidBytes.writeBigInt64BE(uid);
  return Buffer.concat([
    Buffer.from([tagClassDescription]),
    utf(name),
    uidBytes,
    Buffer.from([flags, fields.length >> 8, fields.length & 0xff]),
    ...fields.flatMap(([type, fieldName, signature]) => [Buffer.from(type), utf(fieldName), javaString(signature)]),
    Buffer.from([endOfBlock]),
  ]);
}

function javaString(value: string): Buffer {
  const bytes = modifiedUtf8(value);
  if (bytes.length <= 0xffff) return Buffer.concat([Buffer.from([tagString, bytes.length >> 8, bytes.length & 0xff]), bytes]);
  const length = Buffer.alloc(9);
  length[0] = tagLongString;
  length.writeBigUInt64BE(BigInt(bytes.length), 1);
  return Buffer.concat([length, bytes]);
}

function utf(value: string): Buffer {
  const bytes = modifiedUtf8(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** UTF-8 of each UTF-16 unit by itself; NUL in two bytes. */
function modifiedUtf8(value: string): Buffer {
  const bytes: number[] = [];
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit >= 1 && unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(bytes);
}
