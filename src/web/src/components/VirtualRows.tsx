import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { usePhone } from '../lib/phone.ts';

/** Rows of one height in the page's own scrolling, of which only those in sight exist. */
export function VirtualRows<T>({
  rows,
  keyOf,
  className,
  children,
}: {
  rows: readonly T[];
  keyOf: (row: T) => string;
  className: string;
  children: (row: T) => ReactNode;
}) {
  const place = useRef<HTMLDivElement>(null);
  const [above, setAbove] = useState(0);
  const phone = usePhone();
  const height = phone ? 64 : 48;
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 12,
    scrollMargin: above,
    getItemKey: (index) => keyOf(rows[index] as T),
  });

  // What stands above may have changed with any render.
  useLayoutEffect(() => {
    const top = Math.round((place.current?.getBoundingClientRect().top ?? 0) + scrollY);
    if (top !== above) setAbove(top);
  });
  useLayoutEffect(() => {
    if (height) virtual.measure();
  }, [height, virtual]);

  return (
    <div role="rowgroup" ref={place} className="virtual-size" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map((item) => (
        <div
          role="row"
          aria-rowindex={item.index + 2}
          key={item.key}
          className={`grid-row ${className}`}
          style={{ height: item.size, top: item.start - above }}
        >
          {children(rows[item.index] as T)}
        </div>
      ))}
    </div>
  );
}
