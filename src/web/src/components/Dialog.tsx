import { type FormEvent, type KeyboardEvent, type ReactNode, useId } from 'react';
import Modal from 'react-bootstrap/Modal';
import { keepFocusInside } from '../lib/focus.ts';
import { Icon } from './Icon.tsx';

/** A window over the page. Escape and a click beside it close it, unless work is under way. */
export function Dialog({
  title,
  onClose,
  busy = false,
  wide = false,
  onSubmit,
  footer,
  children,
}: {
  title: ReactNode;
  onClose: () => void;
  busy?: boolean;
  wide?: boolean;
  /** With it the content is a form. */
  onSubmit?: () => void;
  footer?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  const inside = (
    <>
      <Modal.Body className="stack">{children}</Modal.Body>
      {footer && <Modal.Footer>{footer}</Modal.Footer>}
    </>
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <Modal
      show
      centered={!wide}
      onHide={onClose}
      backdrop={busy ? 'static' : true}
      keyboard={!busy}
      onKeyDown={(event: KeyboardEvent) => keepFocusInside(event, event.currentTarget)}
      aria-labelledby={id}
      className={wide ? 'modal-wide' : ''}
    >
      <Modal.Header>
        <Modal.Title as="h2" id={id}>
          {title}
        </Modal.Title>
        <button
          type="button"
          className="btn btn-quiet btn-sm btn-icon"
          aria-label="Close"
          onClick={onClose}
          disabled={busy}
        >
          <Icon name="x-lg" />
        </button>
      </Modal.Header>
      {onSubmit ? (
        <form onSubmit={submit} noValidate>
          {inside}
        </form>
      ) : (
        inside
      )}
    </Modal>
  );
}
