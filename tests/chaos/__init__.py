"""Workers are killed, stopped and moved about while events flow; an auditor of its own counts what came of each."""
