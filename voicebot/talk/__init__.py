"""One phone conversation: glues hearing, dialog, voice and records to a link."""
