// Numbers as people read them.

/** At most three significant digits, no trailing zeros: 0.12, 45.6, 1,230, 4.5e-9. For axes and settings. */
export function formatNumber(value: number): string {
  return significant(value, 1);
}

/** Three significant digits, zeros kept, so that columns align: 0.120, 45.6, 1,230, 4.50e-9. */
export function formatMeasured(value: number): string {
  return significant(value, 3);
}

/** A duration given in milliseconds: 12.3 µs, 4.56 ms, 1.23 s. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1) return `${formatMeasured(milliseconds * 1e3)} µs`;
  if (milliseconds < 1e3) return `${formatMeasured(milliseconds)} ms`;
  return `${formatMeasured(milliseconds / 1e3)} s`;
}

/** A size in bytes: 512 B, 12.3 KiB, 4.56 MiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return power === 0 ? `${bytes} B` : `${formatMeasured(bytes / 1024 ** power)} ${units[power]}`;
}

function significant(value: number, minimumSignificantDigits: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const long = size !== 0 && (size < 1e-3 || size >= 1e5);
  return value
    .toLocaleString('en-US', {
      notation: long ? 'scientific' : 'standard',
      minimumSignificantDigits,
      // Digits before the point are never rounded away.
      maximumSignificantDigits: long ? 3 : Math.max(3, String(Math.trunc(size)).length),
    })
    .replace('E', 'e');
}
