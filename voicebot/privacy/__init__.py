"""Personal data: how long what is kept, what is kept of one patient, how it is handed out and erased (152-FZ)."""
