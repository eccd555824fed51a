"""The network's unit for sounds that are no words; here alone so that the graph is built without the sounds' tools."""

GARBAGE = "GBG"
