"""What a source says about customers beside dated events: attributes, snapshots, labels, groups."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from features.importing.expressions import columns_of, quote_name, quote_text
from features.importing.mapping import SourceMapping
from features.importing.source import LINE, Source
from features.importing.staging import customer_sql, json_object_sql, json_sql
from governance.errors import ConfigurationError, InvalidInput
from governance.instants import parse_instant, to_micros

STATED = "CREATE TEMP TABLE {name} (customer VARCHAR, name VARCHAR, value VARCHAR)"


def stage_attributes(mapping: SourceMapping, source: Source) -> None:
    """Stage one profile event per customer at their first staged event, from [customer]."""
    if not mapping.attributes:
        return
    first_values = ", ".join(
        f"arg_min({json_sql(text)}, {LINE}) FILTER ({json_sql(text)} IS NOT NULL) AS "
        f"{quote_name(f'p_{name}')}"
        for name, text in mapping.attributes
    )
    parts = [(name, quote_name(f"p_{name}")) for name, _ in mapping.attributes]
    source.connection.execute(
        f"""
        INSERT INTO staged BY NAME
        SELECT 'customer' AS subject, customer, 'profile' AS kind, line, occurred_at,
            {json_object_sql(parts)} AS properties
        FROM (SELECT customer, min(line) AS line, min(occurred_at) AS occurred_at
              FROM staged WHERE subject = 'customer' GROUP BY customer)
        JOIN (SELECT {customer_sql(source, mapping.customer_id)} AS customer, {first_values}
              FROM source GROUP BY 1) USING (customer)
        WHERE {json_object_sql(parts)} IS NOT NULL
        """
    )


def stage_protected(mapping: SourceMapping, source: Source) -> None:
    """Fill `protected_values` with each customer's first stated value of protected attributes."""
    source.connection.execute(STATED.format(name="protected_values"))
    for name, text in mapping.protected:
        source.connection.execute(
            f"""
            INSERT INTO protected_values
            SELECT customer, {quote_text(name)}, left(arg_min(value, line), 200)
            FROM (SELECT {LINE} AS line, {customer_sql(source, mapping.customer_id)} AS customer,
                    nullif(trim(CAST(TRY({text}) AS VARCHAR)), '') AS value FROM source)
            WHERE customer IS NOT NULL AND value IS NOT NULL GROUP BY customer
            """
        )


def stage_snapshot(mapping: SourceMapping, source: Source, timezone: str | None) -> datetime | None:
    """Stage one profile event per row just before the snapshot's as_of, and fill `label_values`.

    Gives that as_of. Columns read by the id, by labels or by protected attributes and those
    excluded do not become properties. A customer's second row is rejected.
    """
    connection = source.connection
    connection.execute(STATED.format(name="label_values"))
    snapshot = mapping.snapshot
    if snapshot is None:
        return None
    as_of = snapshot_instant(mapping, timezone)
    hidden = {*snapshot.exclude, *columns_of(mapping.customer_id)}
    for _, text in (*snapshot.labels, *mapping.protected):
        hidden |= columns_of(text)
    hidden = {name.casefold() for name in hidden}  # SQL finds a column in any case
    parts = [
        (name, json_sql(quote_name(name))) for name in source.types if name.casefold() not in hidden
    ]
    labels = ", ".join(
        f"TRY_CAST(TRY({text}) AS DOUBLE) AS {quote_name(f'l_{name}')}"
        for name, text in snapshot.labels
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE snapshot_rows AS
        SELECT *, CASE WHEN customer IS NULL THEN 'no customer'
                WHEN length(customer) > 200 THEN 'customer id too long'
                WHEN row_number() OVER (PARTITION BY customer ORDER BY line) > 1
                THEN 'customer appears twice' END AS reason
        FROM (SELECT {LINE} AS line, {customer_sql(source, mapping.customer_id)} AS customer,
                {json_object_sql(parts)} AS properties {"," if labels else ""} {labels}
              FROM source)
        """
    )
    connection.execute(
        "INSERT INTO rejected SELECT line, 'snapshot', reason, 'customer.id' FROM snapshot_rows "
        "WHERE reason IS NOT NULL"
    )
    connection.execute(
        f"""
        INSERT INTO staged BY NAME
        SELECT 'customer' AS subject, customer, 'profile' AS kind, line,
            {to_micros(as_of) - 1} AS occurred_at, properties
        FROM snapshot_rows WHERE reason IS NULL
        """
    )
    for name, _ in snapshot.labels:
        column = quote_name(f"l_{name}")
        connection.execute(
            f"INSERT INTO rejected SELECT line, 'snapshot', 'label is neither true nor false', "
            f"{quote_text(f'snapshot.labels.{name}')} FROM snapshot_rows "
            f"WHERE reason IS NULL AND {column} NOT IN (0, 1)"
        )
        connection.execute(
            f"INSERT INTO label_values SELECT customer, {quote_text(name)}, {column} "
            f"FROM snapshot_rows WHERE reason IS NULL AND {column} IN (0, 1)"
        )
    return as_of


def snapshot_instant(mapping: SourceMapping, timezone: str | None) -> datetime:
    """Read the snapshot's as_of; a bare date is midnight in the stated zone, else UTC."""
    assert mapping.snapshot is not None
    try:
        return parse_instant(mapping.snapshot.as_of, ZoneInfo(timezone) if timezone else UTC)
    except InvalidInput as problem:
        raise ConfigurationError(
            [f"snapshot.as_of: {problem}"], source=f"mapping {mapping.name}"
        ) from None
