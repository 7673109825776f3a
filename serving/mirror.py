"""Telling MLflow of a review, in a process of its own: it takes seconds and memory.

python -m serving.mirror HOME REVIEW    lets `champion` follow the signature of this review
"""

import sys
from pathlib import Path

from governance.review.standing import find_review
from serving.bootstrap import open_home
from serving.logs import log_to_stderr
from serving.signing_desk import mirror_review


def main(root: Path, review_id: str) -> None:
    """Mirror one review of a home; raises `NotFound` for an unknown one."""
    log_to_stderr()
    keepwell = open_home(root)
    try:
        with keepwell.database.read() as conn:
            review = find_review(conn, review_id)
        mirror_review(keepwell, review)
    finally:
        keepwell.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
