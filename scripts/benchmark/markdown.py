"""Tables that stand in a document: how they are written, and how a new one takes the place of the old."""


def table(rows):
    """The first row is the head."""
    lines = ["| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]) + "\n"


def put(path, name, text):
    """Replaces what stands between the lines `<!-- NAME:begin ...` and `<!-- NAME:end -->` of the file."""
    with open(path, encoding="utf-8") as file:
        whole = file.read()
    begin = whole.index("\n", whole.index(f"<!-- {name}:begin")) + 1
    end = whole.index(f"<!-- {name}:end -->", begin)
    with open(path, "w", encoding="utf-8") as file:
        file.write(whole[:begin] + text + whole[end:])
