"""Order lines made by Spark itself, to try the engine on more than one machine holds.

    ~/.cache/ilk/spark/bin/python benches/scale.py LINES FOLDER

Orders have three lines each and belong to one customer; there is one customer for 25 lines and at most a million, some with many orders and many with few.
Customers are of four kinds, by their hash: how much they spend on a line, and when they stopped.
"""

import sys

from pyspark.sql import SparkSession

lines, folder = int(float(sys.argv[1])), sys.argv[2]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "2g")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
customers = max(lines // 25, 100)
spark.range(0, lines, 1, 32).createOrReplaceTempView("numbers")
share = "(pmod(xxhash64({0}), 1000003) / 1000003.0D)"
spark.sql(
    f"""
    WITH numbered AS (SELECT id, id DIV 3 AS number FROM numbers),
    placed AS (
      SELECT id, number, CAST(floor(pow({share.format("number, 'who'")}, 1.8D) * {customers}) AS BIGINT) AS who FROM numbered
    ),
    kinds AS (SELECT *, pmod(xxhash64(who, 'kind'), 4) AS kind FROM placed)
    SELECT
      concat('C', lpad(CAST(who AS STRING), 9, '0')) AS customer_id,
      concat('O', CAST(number AS STRING)) AS order_id,
      timestamp_seconds(1704067200 + 86400 * CAST(floor({share.format("number, 'when'")} * CASE kind WHEN 0 THEN 700 WHEN 1 THEN 690 WHEN 2 THEN 420 ELSE 200 END) AS BIGINT)
        + pmod(xxhash64(number, 'hour'), 86400)) AS ordered_at,
      concat('P', CAST(pmod(xxhash64(id, 'what'), 5000) AS STRING)) AS product_id,
      CAST(1 + pmod(xxhash64(id, 'pieces'), 3) AS INT) AS quantity,
      CAST((100 + pmod(xxhash64(id, 'price'), 900)) * CASE kind WHEN 0 THEN 12 WHEN 1 THEN 2 WHEN 2 THEN 8 ELSE 1 END / 100.0 AS DECIMAL(10, 2)) AS unit_price
    FROM kinds
    """
).write.mode("overwrite").parquet(folder)
spark.stop()
