"""The words of the product: connection, outage, transfer, errors and facts, and what we ask of the world outside."""
