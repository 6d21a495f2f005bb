"""Ghost text: from the cells of a document to a suggestion at the cursor."""
