"""A basin as a catalogue of surveys: what people write, what the machine notes, what is due.

::

    CATALOG/catalog.yaml           a person's: the basin
            surveys/NAME.yaml      a person's: one survey
            seen/NAME.json         scan's: its files as last looked at, and what they hold
            runs/NAME.json         a run's: what was made of it last, and from what
            history/NAME/*.json    everybody's: one object an event, never rewritten
            arrivals.json          scan's: files in an inbox that are no survey yet
            index.json             a copy of many small files in one; may be deleted
            leases/                who scans, who works on which survey
            nights/                which nightly runs live

No file has two kinds of writer, so that a night and a person who edits a survey may meet. An entry
is written by the machine once at most, where there is none; then it is the person's.
"""
