"""The files of a form (multipart/form-data), kept in memory: Starlette's parser leaves those of a cut-off form open."""

import logging
import re

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from pipeline.base.errors import InputError, short

FILES = 100  # of one form
PARTS = 2 * FILES  # with those that are no files
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what is refused anyway


def files_of(kind: str, body: bytes) -> list[bytes]:
    """Return the contents of a form's files, whatever their names; raise `InputError` if it is not whole, or has none.

    `kind` is the Content-Type, which says what stands between the parts.
    """
    parts, ended = list[tuple[bytearray, bytearray]](), list[bool]()  # of each part: all of its headers, its content

    def begin() -> None:
        if len(parts) == PARTS:
            raise InputError(f"the form has over {PARTS} parts: send {FILES} pictures at most")
        parts.append((bytearray(), bytearray()))

    headers = {
        "on_part_begin": begin,
        "on_header_field": lambda data, start, end: parts[-1][0].extend(data[start:end].lower()),
        "on_header_value": lambda data, start, end: parts[-1][0].extend(b": " + data[start:end] + b"\n"),
        "on_part_data": lambda data, start, end: parts[-1][1].extend(data[start:end]),
        "on_end": lambda: ended.append(True),
    }
    try:
        parser = MultipartParser(parse_options_header(kind)[1].get(b"boundary", b""), headers)  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise InputError(f"the form cannot be read: {short(str(error))}") from None
    files = [bytes(content) for head, content in parts if re.search(rb"; *filename\*?=", head)]
    if not ended or not files or len(files) > FILES:
        said = f"{len(files)} files" if ended else "no end"
        raise InputError(f"the form has {said}: send 1 to {FILES} pictures, as `curl -F picture=@shoe.png` does")
    return files
