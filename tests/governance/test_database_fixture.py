from sqlalchemy import text

from serving.database import Database


def test_each_kind_of_database_answers(database: Database) -> None:
    with database.write() as conn:
        assert conn.execute(text("SELECT 1 + 1")).scalar_one() == 2
